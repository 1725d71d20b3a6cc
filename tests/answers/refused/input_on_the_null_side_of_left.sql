-- input: lineitem
-- tables: orders
SELECT o_orderpriority, count(l_orderkey) AS n FROM orders LEFT JOIN input ON o_orderkey = l_orderkey GROUP BY o_orderpriority
