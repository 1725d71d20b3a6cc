-- input: lineitem
SELECT uper(l_shipmode) AS m FROM input
