-- input: lineitem
SELECT l_shipmod, count(*) AS n FROM input GROUP BY l_shipmod
