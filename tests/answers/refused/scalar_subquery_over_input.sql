-- input: lineitem
SELECT count(*) AS n FROM input WHERE l_extendedprice > (SELECT avg(l_extendedprice) FROM input)
