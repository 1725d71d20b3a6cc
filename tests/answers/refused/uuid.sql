-- input: lineitem
SELECT uuid() AS id, l_orderkey FROM input
