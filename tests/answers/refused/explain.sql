-- input: lineitem
EXPLAIN SELECT count(*) FROM input
