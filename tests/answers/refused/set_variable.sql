-- input: lineitem
SET datafusion.execution.target_partitions = 8
