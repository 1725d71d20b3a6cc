-- input: nation
-- tables: sparse_csv
SELECT count(*) AS n FROM input JOIN sparse_csv ON n_nationkey = id
