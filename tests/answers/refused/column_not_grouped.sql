-- input: lineitem
SELECT l_shipmode, l_returnflag, count(*) AS n FROM input GROUP BY l_shipmode
