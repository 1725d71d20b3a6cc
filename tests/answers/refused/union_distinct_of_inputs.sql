-- inputs: a=lineitem, b=orders
SELECT count(*) AS n FROM (SELECT l_orderkey AS k FROM a UNION SELECT o_orderkey AS k FROM b) u
