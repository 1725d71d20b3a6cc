-- input: events
SELECT k, count(*) FROM input GROUP BY k WITH ROLLUP
