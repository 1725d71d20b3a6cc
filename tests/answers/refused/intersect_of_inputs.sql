-- inputs: a=lineitem, b=orders
SELECT l_orderkey AS k FROM a INTERSECT SELECT o_orderkey AS k FROM b
