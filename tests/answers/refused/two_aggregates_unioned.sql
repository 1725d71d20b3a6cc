-- input: lineitem
SELECT 'all' AS what, count(*) AS n FROM input UNION ALL SELECT 'late' AS what, count(*) AS n FROM input WHERE l_receiptdate > l_commitdate
