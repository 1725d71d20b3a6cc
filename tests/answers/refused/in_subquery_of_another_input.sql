-- inputs: a=lineitem, b=orders
SELECT count(*) AS n FROM a WHERE l_orderkey IN (SELECT o_orderkey FROM b)
