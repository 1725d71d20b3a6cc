-- input: lineitem
COPY (SELECT * FROM input) TO 'elsewhere.parquet'
