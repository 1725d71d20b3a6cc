-- input: lineitem
-- tables: orders
SELECT o_orderpriority, count(l_orderkey) AS n FROM input RIGHT JOIN orders ON o_orderkey = l_orderkey GROUP BY o_orderpriority
