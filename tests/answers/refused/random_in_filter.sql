-- input: lineitem
SELECT count(*) AS n FROM input WHERE random() < 0.1
