-- input: lineitem
SELECT count(*) AS n FROM input a WHERE EXISTS (SELECT 1 FROM input b WHERE b.l_orderkey = a.l_orderkey AND b.l_linenumber > 1)
