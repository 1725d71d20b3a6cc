-- inputs: a=lineitem, b=orders
SELECT o_orderkey AS k FROM b EXCEPT SELECT l_orderkey AS k FROM a
