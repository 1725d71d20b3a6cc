-- input: lineitem
SELECT count(*) AS n FROM input a JOIN input b ON a.l_orderkey = b.l_orderkey
