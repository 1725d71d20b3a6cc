-- input: lineitem
-- tables: nation
SELECT count(*) AS n FROM nation
