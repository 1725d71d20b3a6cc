-- input: lineitem
SELECT count(*) AS n FROM input; SELECT 1
