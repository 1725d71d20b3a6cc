-- input: lineitem
CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc/hostname'
