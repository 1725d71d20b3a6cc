-- input: events
SELECT count(DISTINCT k, i) FROM input
