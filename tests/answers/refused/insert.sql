-- input: lineitem
INSERT INTO input SELECT * FROM input
