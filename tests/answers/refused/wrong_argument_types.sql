-- input: lineitem
SELECT sum(l_shipmode) AS m FROM input
