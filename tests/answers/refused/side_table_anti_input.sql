-- input: lineitem
-- tables: orders
SELECT count(*) AS n FROM orders WHERE NOT EXISTS (SELECT 1 FROM input WHERE l_orderkey = o_orderkey)
