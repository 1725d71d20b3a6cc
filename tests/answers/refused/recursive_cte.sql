-- input: lineitem
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT r.n, count(*) AS c FROM input JOIN r ON l_linenumber = r.n GROUP BY r.n
