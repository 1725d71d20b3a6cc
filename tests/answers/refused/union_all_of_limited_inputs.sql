-- inputs: a=lineitem, b=orders
SELECT * FROM (SELECT l_orderkey AS k FROM a ORDER BY l_orderkey LIMIT 3) x UNION ALL SELECT o_orderkey AS k FROM b
