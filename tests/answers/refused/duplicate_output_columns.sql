-- input: lineitem
SELECT l_orderkey, l_orderkey FROM input WHERE l_orderkey < 10
