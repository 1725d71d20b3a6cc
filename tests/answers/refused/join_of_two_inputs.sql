-- inputs: a=lineitem, b=orders
SELECT count(*) AS n FROM a JOIN b ON l_orderkey = o_orderkey
