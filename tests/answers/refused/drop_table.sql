-- input: lineitem
DROP TABLE input
