-- input: lineitem
CREATE TABLE t AS SELECT * FROM input
