-- input: lineitem
SELECT l_shipmode, FROM input WHERE
