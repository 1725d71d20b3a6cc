-- input: lineitem
-- tables: orders
SELECT count(*) AS n FROM orders WHERE o_orderkey IN (SELECT l_orderkey FROM input)
