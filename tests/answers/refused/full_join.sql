-- input: lineitem
-- tables: orders
SELECT count(*) AS n FROM input FULL JOIN orders ON o_orderkey = l_orderkey
