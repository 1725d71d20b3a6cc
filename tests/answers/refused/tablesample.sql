-- input: events
SELECT count(*) FROM input TABLESAMPLE (10 PERCENT)
