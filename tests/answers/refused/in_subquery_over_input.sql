-- input: lineitem
SELECT count(*) AS n FROM input WHERE l_orderkey IN (SELECT l_orderkey FROM input WHERE l_quantity > 49)
