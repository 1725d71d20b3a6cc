-- input: events
SELECT k FROM input FOR UPDATE
