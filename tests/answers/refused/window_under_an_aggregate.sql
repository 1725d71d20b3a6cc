-- input: lineitem
SELECT r, count(*) AS n FROM (SELECT rank() OVER (PARTITION BY l_orderkey ORDER BY l_quantity) AS r FROM input) x GROUP BY r
