-- input: lineitem
SELECT count(*) AS n FROM input a WHERE l_quantity > (SELECT avg(l_quantity) FROM input b WHERE b.l_partkey = a.l_partkey)
