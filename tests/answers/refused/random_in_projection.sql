-- input: lineitem
SELECT l_orderkey, random() AS r FROM input
