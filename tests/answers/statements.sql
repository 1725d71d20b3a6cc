-- Statements that dp must answer as DuckDB does. Read by tests/answers.
--
-- Each begins with a line `-- name:` and ends before the next one. Headers:
--   input: DATASET              what the spec's `input` is
--   inputs: NAME=DATASET, …     what the spec's `inputs` are
--   tables: [NAME=]DATASET, …   the side tables
--   flags: ordered              the order of the rows counts
--   rows: N                     any N rows of DuckDB's result will do (LIMIT without ORDER BY)
--   between: COLUMN, …          DuckDB gives COLUMN_lo and COLUMN_hi, and the value lies between (sketches)
-- Below a line `-- duckdb` stands DuckDB's own wording, where a function is called otherwise there.
-- Datasets: <table> is TPC-H at scale 0.1, <table>_sf1 at scale 1, the others are in data.rs and repository.rs.

-- name: tpch_q1
-- input: lineitem
-- flags: ordered
SELECT l_returnflag, l_linestatus, sum(l_quantity) AS sum_qty, sum(l_extendedprice) AS sum_base_price,
       sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price,
       sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge,
       avg(l_quantity) AS avg_qty, avg(l_extendedprice) AS avg_price, avg(l_discount) AS avg_disc,
       count(*) AS count_order
FROM input WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL '90' DAY
GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus

-- name: tpch_q1_sf1
-- input: lineitem_sf1
-- flags: ordered
SELECT l_returnflag, l_linestatus, sum(l_quantity) AS sum_qty, sum(l_extendedprice) AS sum_base_price,
       sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price,
       sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge,
       avg(l_quantity) AS avg_qty, avg(l_extendedprice) AS avg_price, avg(l_discount) AS avg_disc,
       count(*) AS count_order
FROM input WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL '90' DAY
GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus

-- name: tpch_q3
-- input: lineitem
-- tables: orders, customer
-- flags: ordered
SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate, o_shippriority
FROM input JOIN orders ON l_orderkey = o_orderkey JOIN customer ON c_custkey = o_custkey
WHERE c_mktsegment = 'BUILDING' AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
GROUP BY l_orderkey, o_orderdate, o_shippriority
ORDER BY revenue DESC, o_orderdate, l_orderkey LIMIT 10

-- name: tpch_q5
-- input: lineitem
-- tables: orders, customer, supplier, nation, region
-- flags: ordered
SELECT n_name, sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM input, customer, orders, supplier, nation, region
WHERE c_custkey = o_custkey AND l_orderkey = o_orderkey AND l_suppkey = s_suppkey
  AND c_nationkey = s_nationkey AND s_nationkey = n_nationkey AND n_regionkey = r_regionkey
  AND r_name = 'ASIA' AND o_orderdate >= DATE '1994-01-01' AND o_orderdate < DATE '1995-01-01'
GROUP BY n_name ORDER BY revenue DESC, n_name

-- name: tpch_q6
-- input: lineitem
SELECT sum(l_extendedprice * l_discount) AS revenue FROM input
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
  AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24

-- name: tpch_q6_sf1
-- input: lineitem_sf1
SELECT sum(l_extendedprice * l_discount) AS revenue FROM input
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
  AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24

-- name: tpch_q10
-- input: lineitem
-- tables: orders, customer, nation
-- flags: ordered
SELECT c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) AS revenue, c_acctbal, n_name, c_address,
       c_phone, c_comment
FROM input JOIN orders ON l_orderkey = o_orderkey JOIN customer ON c_custkey = o_custkey
     JOIN nation ON c_nationkey = n_nationkey
WHERE o_orderdate >= DATE '1993-10-01' AND o_orderdate < DATE '1994-01-01' AND l_returnflag = 'R'
GROUP BY c_custkey, c_name, c_acctbal, c_phone, n_name, c_address, c_comment
ORDER BY revenue DESC, c_custkey LIMIT 20

-- name: tpch_q12
-- input: lineitem
-- tables: orders
-- flags: ordered
SELECT l_shipmode,
       sum(CASE WHEN o_orderpriority = '1-URGENT' OR o_orderpriority = '2-HIGH' THEN 1 ELSE 0 END) AS high,
       sum(CASE WHEN o_orderpriority <> '1-URGENT' AND o_orderpriority <> '2-HIGH' THEN 1 ELSE 0 END) AS low
FROM orders, input
WHERE o_orderkey = l_orderkey AND l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate
  AND l_shipdate < l_commitdate AND l_receiptdate >= DATE '1994-01-01' AND l_receiptdate < DATE '1995-01-01'
GROUP BY l_shipmode ORDER BY l_shipmode

-- name: tpch_q14
-- input: lineitem
-- tables: part
SELECT 100.00 * CAST(sum(CASE WHEN p_type LIKE 'PROMO%' THEN l_extendedprice * (1 - l_discount) ELSE 0 END) AS DOUBLE)
       / CAST(sum(l_extendedprice * (1 - l_discount)) AS DOUBLE) AS promo_revenue
FROM input, part
WHERE l_partkey = p_partkey AND l_shipdate >= DATE '1995-09-01' AND l_shipdate < DATE '1995-10-01'

-- name: tpch_q19
-- input: lineitem
-- tables: part
SELECT sum(l_extendedprice * (1 - l_discount)) AS revenue FROM input JOIN part ON p_partkey = l_partkey
WHERE l_shipinstruct = 'DELIVER IN PERSON' AND l_shipmode IN ('AIR', 'AIR REG')
  AND ((p_brand = 'Brand#12' AND l_quantity BETWEEN 1 AND 11 AND p_size BETWEEN 1 AND 5)
    OR (p_brand = 'Brand#23' AND l_quantity BETWEEN 10 AND 20 AND p_size BETWEEN 1 AND 10)
    OR (p_brand = 'Brand#34' AND l_quantity BETWEEN 20 AND 30 AND p_size BETWEEN 1 AND 15))

-- name: tpch_q4_exists_turned
-- input: orders
-- tables: lineitem
-- flags: ordered
SELECT o_orderpriority, count(*) AS order_count FROM input
WHERE o_orderdate >= DATE '1993-07-01' AND o_orderdate < DATE '1993-10-01'
  AND EXISTS (SELECT * FROM lineitem WHERE l_orderkey = o_orderkey AND l_commitdate < l_receiptdate)
GROUP BY o_orderpriority ORDER BY o_orderpriority

-- name: counts
-- input: events
SELECT count(*) AS n, count(k) AS k, count(s) AS s, count(b) AS b, count(f) AS f, count(i) AS i, count(j) AS j,
       count(t) AS t, count(d) AS d, count(1) AS one FROM input

-- name: sums_and_averages
-- input: events
SELECT sum(f) AS sf, sum(i) AS si, sum(j) AS sj, sum(u) AS su, sum(k) AS sk, avg(f) AS af, avg(i) AS ai,
       avg(j) AS aj, avg(u) AS au FROM input

-- name: sums_by_key_with_null_groups
-- input: events
SELECT k, count(*) AS n, count(f) AS nf, sum(f) AS sf, sum(i) AS si, sum(j) AS sj, avg(f) AS af, avg(i) AS ai,
       min(f) AS mf, max(i) AS mi FROM input GROUP BY k

-- name: min_max_all_types
-- input: events
SELECT min(id) AS id0, max(id) AS id1, min(s) AS s0, max(s) AS s1, min(f) AS f0, max(f) AS f1, min(u) AS u0,
       max(u) AS u1, min(t) AS t0, max(t) AS t1, min(d) AS d0, max(d) AS d1, min(b) AS b0, max(b) AS b1 FROM input

-- name: min_max_by_text
-- input: events
SELECT s, min(t) AS t0, max(t) AS t1, min(d) AS d0, max(d) AS d1, max(s) AS s1 FROM input GROUP BY s

-- name: min_max_decimal_string_date_sf1
-- input: lineitem_sf1
SELECT l_shipmode, min(l_extendedprice) AS p0, max(l_extendedprice) AS p1, min(l_comment) AS c0,
       max(l_comment) AS c1, min(l_shipdate) AS d0, max(l_receiptdate) AS d1 FROM input GROUP BY l_shipmode

-- name: spread
-- input: events
SELECT stddev(f) AS s, stddev_samp(f) AS ss, stddev_pop(f) AS sp, var_samp(i) AS vs, var_pop(i) AS vp,
       var_samp(u) AS vu FROM input

-- name: spread_by_key
-- input: events
SELECT k, stddev(f) AS s, stddev_pop(f) AS sp, var_samp(i) AS vs, var_pop(u) AS vp FROM input GROUP BY k

-- name: variance_of_one_row_groups
-- input: events
SELECT id, var_samp(i) AS vs, var_pop(i) AS vp, stddev(f) AS sf FROM input WHERE id < 500 GROUP BY id

-- name: covariance_and_correlation
-- input: lineitem
SELECT covar_samp(CAST(l_extendedprice AS DOUBLE), CAST(l_quantity AS DOUBLE)) AS cs,
       covar_pop(CAST(l_extendedprice AS DOUBLE), CAST(l_quantity AS DOUBLE)) AS cp,
       corr(CAST(l_extendedprice AS DOUBLE), CAST(l_quantity AS DOUBLE)) AS c FROM input

-- name: covariance_and_correlation_by_key
-- input: lineitem
SELECT l_shipmode, covar_samp(CAST(l_extendedprice AS DOUBLE), CAST(l_quantity AS DOUBLE)) AS cs,
       covar_pop(CAST(l_extendedprice AS DOUBLE), CAST(l_quantity AS DOUBLE)) AS cp,
       corr(CAST(l_extendedprice AS DOUBLE), CAST(l_quantity AS DOUBLE)) AS c FROM input GROUP BY l_shipmode

-- name: correlation_with_nulls
-- input: events
SELECT k, corr(f, i) AS c, corr(f, f / 2 + 1) AS one, covar_samp(f, i) AS cs, covar_pop(i, u) AS cp
FROM input GROUP BY k

-- name: regression
-- input: lineitem
SELECT regr_slope(p, q) AS slope, regr_intercept(p, q) AS intercept, regr_count(p, q) AS n, regr_r2(p, q) AS r2,
       regr_avgx(p, q) AS ax, regr_avgy(p, q) AS ay, regr_sxx(p, q) AS sxx, regr_syy(p, q) AS syy,
       regr_sxy(p, q) AS sxy
FROM (SELECT CAST(l_extendedprice AS DOUBLE) AS p, CAST(l_quantity AS DOUBLE) AS q FROM input) r

-- name: regression_by_key
-- input: lineitem
SELECT l_returnflag, regr_slope(p, q) AS slope, regr_intercept(p, q) AS intercept, regr_count(p, q) AS n,
       regr_r2(p, q) AS r2, regr_avgx(p, q) AS ax, regr_sxy(p, q) AS sxy
FROM (SELECT l_returnflag, CAST(l_extendedprice AS DOUBLE) AS p, CAST(l_quantity AS DOUBLE) AS q FROM input) r
GROUP BY l_returnflag

-- name: booleans
-- input: events
SELECT k, bool_and(b) AS every, bool_or(b) AS some, bool_and(u >= 0) AS all_u, bool_or(i > 999990) AS big
FROM input GROUP BY k

-- name: bits
-- input: events
SELECT k, bit_and(id) AS ba, bit_or(u) AS bo, bit_xor(id) AS bx, bit_xor(u) AS bu FROM input GROUP BY k

-- name: approx_distinct
-- input: lineitem
-- between: parts, suppliers, orders
SELECT approx_distinct(l_partkey) AS parts, approx_distinct(l_suppkey) AS suppliers,
       approx_distinct(l_orderkey) AS orders FROM input
-- duckdb
SELECT count(DISTINCT l_partkey) * 0.965 AS parts_lo, count(DISTINCT l_partkey) * 1.035 AS parts_hi,
       count(DISTINCT l_suppkey) * 0.965 AS suppliers_lo, count(DISTINCT l_suppkey) * 1.035 AS suppliers_hi,
       count(DISTINCT l_orderkey) * 0.965 AS orders_lo, count(DISTINCT l_orderkey) * 1.035 AS orders_hi FROM input

-- name: approx_distinct_by_key
-- input: lineitem
-- between: parts, comments
SELECT l_shipmode, approx_distinct(l_partkey) AS parts, approx_distinct(l_comment) AS comments FROM input
GROUP BY l_shipmode
-- duckdb
SELECT l_shipmode, count(DISTINCT l_partkey) * 0.965 AS parts_lo, count(DISTINCT l_partkey) * 1.035 AS parts_hi,
       count(DISTINCT l_comment) * 0.965 AS comments_lo, count(DISTINCT l_comment) * 1.035 AS comments_hi
FROM input GROUP BY l_shipmode

-- name: approx_percentile
-- input: lineitem
-- between: median, p99
SELECT approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(l_extendedprice AS DOUBLE)) AS median,
       approx_percentile_cont(0.99) WITHIN GROUP (ORDER BY CAST(l_extendedprice AS DOUBLE)) AS p99 FROM input
-- duckdb
SELECT quantile_cont(CAST(l_extendedprice AS DOUBLE), 0.49) AS median_lo,
       quantile_cont(CAST(l_extendedprice AS DOUBLE), 0.51) AS median_hi,
       quantile_cont(CAST(l_extendedprice AS DOUBLE), 0.985) AS p99_lo,
       quantile_cont(CAST(l_extendedprice AS DOUBLE), 0.995) AS p99_hi FROM input

-- name: approx_percentile_by_key
-- input: lineitem
-- between: median, p90
SELECT l_shipmode, approx_median(CAST(l_extendedprice AS DOUBLE)) AS median,
       approx_percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(l_extendedprice AS DOUBLE)) AS p90
FROM input GROUP BY l_shipmode
-- duckdb
SELECT l_shipmode, quantile_cont(CAST(l_extendedprice AS DOUBLE), 0.49) AS median_lo,
       quantile_cont(CAST(l_extendedprice AS DOUBLE), 0.51) AS median_hi,
       quantile_cont(CAST(l_extendedprice AS DOUBLE), 0.89) AS p90_lo,
       quantile_cont(CAST(l_extendedprice AS DOUBLE), 0.91) AS p90_hi FROM input GROUP BY l_shipmode

-- name: count_distinct
-- input: lineitem
SELECT count(DISTINCT l_partkey) AS parts FROM input

-- name: count_distinct_sf1
-- input: lineitem_sf1
SELECT l_returnflag, count(DISTINCT l_orderkey) AS orders FROM input GROUP BY l_returnflag

-- name: several_distincts
-- input: lineitem
SELECT l_shipmode, count(DISTINCT l_suppkey) AS suppliers, count(DISTINCT l_shipdate) AS days,
       count(DISTINCT l_shipinstruct) AS instructions, count(*) AS n, sum(l_quantity) AS q
FROM input GROUP BY l_shipmode

-- name: distinct_with_nulls
-- input: events
SELECT k, count(DISTINCT s) AS s, count(DISTINCT b) AS b, count(DISTINCT d) AS d, count(DISTINCT f) AS f
FROM input GROUP BY k

-- name: sum_distinct
-- input: events
SELECT sum(DISTINCT u) AS su, avg(DISTINCT CAST(u AS DOUBLE)) AS au, sum(DISTINCT k) AS sk FROM input

-- name: array_agg_ordered
-- input: orders
SELECT o_custkey, array_agg(o_orderkey ORDER BY o_totalprice DESC, o_orderkey) AS keys FROM input
WHERE o_custkey < 2000 GROUP BY o_custkey

-- name: array_agg_with_nulls
-- input: events
SELECT k, array_agg(s ORDER BY id) AS words FROM input WHERE id % 40 = 0 GROUP BY k

-- name: array_agg_sorted_after
-- input: orders
SELECT o_custkey, array_sort(array_agg(o_orderkey)) AS keys FROM input WHERE o_custkey < 500 GROUP BY o_custkey
-- duckdb
SELECT o_custkey, list_sort(array_agg(o_orderkey)) AS keys FROM input WHERE o_custkey < 500 GROUP BY o_custkey

-- name: array_agg_distinct
-- input: lineitem
SELECT l_shipmode, array_agg(DISTINCT l_shipinstruct ORDER BY l_shipinstruct) AS instructions FROM input
GROUP BY l_shipmode

-- name: string_agg_ordered
-- input: orders
SELECT o_custkey, string_agg(o_orderpriority, '|' ORDER BY o_orderkey) AS priorities FROM input
WHERE o_custkey < 1000 GROUP BY o_custkey

-- name: string_agg_without_groups
-- input: events
SELECT string_agg(s, ';' ORDER BY id) AS words FROM input WHERE id % 500 = 0

-- name: first_last_value
-- input: events
SELECT k, first_value(s ORDER BY id) AS s0, last_value(s ORDER BY id) AS s1, first_value(f ORDER BY u, id) AS f0,
       last_value(id ORDER BY u, id) AS i1 FROM input GROUP BY k
-- duckdb
SELECT k, first(s ORDER BY id) AS s0, last(s ORDER BY id) AS s1, first(f ORDER BY u, id) AS f0,
       last(id ORDER BY u, id) AS i1 FROM input GROUP BY k

-- name: first_last_value_without_groups
-- input: lineitem
SELECT first_value(l_comment ORDER BY l_shipdate, l_orderkey, l_linenumber) AS c0,
       last_value(l_comment ORDER BY l_shipdate, l_orderkey, l_linenumber) AS c1 FROM input
-- duckdb
SELECT first(l_comment ORDER BY l_shipdate, l_orderkey, l_linenumber) AS c0,
       last(l_comment ORDER BY l_shipdate, l_orderkey, l_linenumber) AS c1 FROM input

-- name: nth_value
-- input: orders
SELECT o_orderstatus, nth_value(o_orderkey, 3 ORDER BY o_totalprice, o_orderkey) AS third FROM input
GROUP BY o_orderstatus
-- duckdb
SELECT o_orderstatus, (array_agg(o_orderkey ORDER BY o_totalprice, o_orderkey))[3] AS third FROM input
GROUP BY o_orderstatus

-- name: median
-- input: lineitem
SELECT median(CAST(l_extendedprice AS DOUBLE)) AS price, median(CAST(l_quantity AS DOUBLE)) AS quantity FROM input

-- name: median_by_key_with_nulls
-- input: events
SELECT k, median(f) AS f, median(CAST(i AS DOUBLE)) AS i FROM input GROUP BY k

-- name: percentile_cont
-- input: events
SELECT k, percentile_cont(0.25) WITHIN GROUP (ORDER BY f) AS q1, percentile_cont(0.75) WITHIN GROUP (ORDER BY f) AS q3
FROM input GROUP BY k

-- name: filter_clauses
-- input: lineitem
SELECT l_linestatus, count(*) FILTER (WHERE l_returnflag = 'R') AS returned,
       sum(l_quantity) FILTER (WHERE l_tax > 0.05) AS taxed, avg(CAST(l_discount AS DOUBLE)) FILTER (WHERE l_tax = 0) AS d,
       count(DISTINCT l_suppkey) FILTER (WHERE l_quantity > 49) AS suppliers,
       max(l_shipdate) FILTER (WHERE l_quantity > 100) AS never
FROM input GROUP BY l_linestatus

-- name: filter_clauses_without_groups
-- input: events
SELECT count(*) FILTER (WHERE b) AS t, count(*) FILTER (WHERE NOT b) AS f, count(*) FILTER (WHERE b IS NULL) AS n,
       sum(i) FILTER (WHERE s LIKE '%a%') AS a, min(f) FILTER (WHERE k = 5) AS void FROM input

-- name: grouping_sets
-- input: lineitem
SELECT l_returnflag, l_linestatus, l_shipmode, count(*) AS n, sum(l_quantity) AS q FROM input
GROUP BY GROUPING SETS ((l_returnflag, l_linestatus), (l_shipmode), ())

-- name: rollup
-- input: lineitem
SELECT l_shipmode, l_returnflag, grouping(l_shipmode) AS g1, grouping(l_returnflag) AS g2,
       sum(l_extendedprice) AS s, avg(CAST(l_tax AS DOUBLE)) AS t FROM input GROUP BY ROLLUP (l_shipmode, l_returnflag)

-- name: cube_with_null_keys
-- input: events
SELECT k, b, grouping(k) AS gk, grouping(b) AS gb, count(*) AS n, sum(i) AS i FROM input GROUP BY CUBE (k, b)

-- name: group_by_expression
-- input: lineitem
SELECT extract(year FROM l_shipdate) AS y, extract(month FROM l_shipdate) AS m, l_quantity > 25 AS large,
       sum(l_extendedprice * l_discount) AS revenue FROM input GROUP BY 1, 2, 3

-- name: group_by_many_keys
-- input: lineitem
SELECT l_partkey, l_suppkey, count(*) AS n, sum(l_quantity) AS q FROM input GROUP BY l_partkey, l_suppkey

-- name: group_by_partkey_sf1
-- input: lineitem_sf1
SELECT l_partkey, sum(l_quantity) AS q, count(*) AS n FROM input GROUP BY l_partkey

-- name: group_by_orderkey_having_sf1
-- input: lineitem_sf1
-- flags: ordered
SELECT l_orderkey, sum(l_quantity) AS q FROM input GROUP BY l_orderkey HAVING sum(l_quantity) > 300
ORDER BY q DESC, l_orderkey

-- name: group_by_text_key
-- input: lineitem
SELECT l_comment, count(*) AS n FROM input GROUP BY l_comment HAVING count(*) > 20

-- name: group_by_types
-- input: events
SELECT d, b, t IS NULL AS no_time, count(*) AS n FROM input WHERE id < 30000 GROUP BY d, b, t IS NULL

-- name: group_by_timestamp
-- input: events
SELECT t, max(id) AS id FROM input WHERE u < 50 GROUP BY t

-- name: having
-- input: lineitem
SELECT l_suppkey, sum(l_extendedprice) AS s, count(*) AS n FROM input GROUP BY l_suppkey
HAVING count(*) > 620 AND avg(CAST(l_quantity AS DOUBLE)) > 25

-- name: distinct_rows
-- input: lineitem
SELECT DISTINCT l_returnflag, l_linestatus, l_shipmode FROM input

-- name: distinct_many_rows
-- input: lineitem
SELECT DISTINCT l_suppkey, l_shipdate FROM input WHERE l_quantity > 45

-- name: distinct_with_null_rows
-- input: events
SELECT DISTINCT k, s, b FROM input

-- name: distinct_ordered_limited
-- input: events
-- flags: ordered
SELECT DISTINCT s, k FROM input ORDER BY s NULLS LAST, k NULLS FIRST LIMIT 25

-- name: map_only
-- input: lineitem
SELECT l_orderkey, l_linenumber, l_extendedprice * (1 - l_discount) AS net, upper(l_shipmode) AS mode FROM input
WHERE l_shipdate BETWEEN DATE '1995-01-01' AND DATE '1995-03-31'

-- name: map_only_all_types
-- input: events
SELECT * FROM input WHERE u % 3 = 0

-- name: map_only_case
-- input: events
SELECT id, CASE WHEN f IS NULL THEN 'none' WHEN f < 0 THEN 'minus' WHEN f < 1000 THEN 'small' ELSE 'large' END AS size,
       CASE k WHEN 1 THEN 'one' WHEN 2 THEN 'two' END AS word, coalesce(s, 'unknown') AS s, nullif(u, 7) AS u,
       greatest(u, 500) AS g, least(u, 500) AS l FROM input WHERE id % 7 = 1

-- name: map_only_in_the_order_of_the_input
-- input: events
-- flags: ordered
SELECT id, s FROM input WHERE u = 3

-- name: unnest
-- input: events
SELECT id, unnest(tags) AS tag FROM input WHERE id % 5 = 0

-- name: unnest_then_group
-- input: events
SELECT tag, count(*) AS n, min(id) AS first FROM (SELECT id, unnest(tags) AS tag FROM input) x GROUP BY tag

-- name: top_k
-- input: lineitem
-- flags: ordered
SELECT l_orderkey, l_linenumber, l_extendedprice, l_comment FROM input
ORDER BY l_extendedprice DESC, l_orderkey, l_linenumber LIMIT 100

-- name: top_k_with_nulls_and_offset
-- input: events
-- flags: ordered
SELECT id, f, s FROM input ORDER BY f DESC NULLS LAST, s NULLS FIRST, id LIMIT 50 OFFSET 30

-- name: top_k_nulls_first
-- input: events
-- flags: ordered
SELECT id, j FROM input ORDER BY j ASC NULLS FIRST, id DESC LIMIT 20

-- name: top_k_sf1
-- input: lineitem_sf1
-- flags: ordered
SELECT l_orderkey, l_linenumber, l_shipdate, l_extendedprice FROM input WHERE l_shipmode = 'RAIL'
ORDER BY l_shipdate DESC, l_extendedprice, l_orderkey, l_linenumber LIMIT 1000

-- name: global_sort
-- input: lineitem
-- flags: ordered
SELECT l_shipdate, l_orderkey, l_linenumber, l_quantity FROM input WHERE l_discount = 0.07
ORDER BY l_shipdate, l_orderkey DESC, l_linenumber

-- name: global_sort_text_with_nulls
-- input: events
-- flags: ordered
SELECT s, d, id FROM input ORDER BY s DESC NULLS LAST, d NULLS FIRST, id

-- name: sort_of_groups
-- input: lineitem
-- flags: ordered
SELECT l_suppkey, sum(l_extendedprice) AS s FROM input GROUP BY l_suppkey ORDER BY s DESC, l_suppkey

-- name: limit_without_order
-- input: lineitem
-- rows: 37
SELECT l_orderkey, l_linenumber FROM input WHERE l_quantity = 50 LIMIT 37
-- duckdb
SELECT l_orderkey, l_linenumber FROM input WHERE l_quantity = 50

-- name: limit_of_groups_without_order
-- input: lineitem
-- rows: 5
SELECT l_suppkey, count(*) AS n FROM input GROUP BY l_suppkey LIMIT 5
-- duckdb
SELECT l_suppkey, count(*) AS n FROM input GROUP BY l_suppkey

-- name: limit_beyond_the_rows
-- input: events
-- flags: ordered
SELECT id FROM input WHERE id < 10 ORDER BY id LIMIT 1000

-- name: limit_zero
-- input: events
SELECT id, s FROM input LIMIT 0

-- name: all_pruned_count
-- input: lineitem
SELECT count(*) AS n, sum(l_quantity) AS q, min(l_comment) AS c, count(DISTINCT l_partkey) AS p FROM input
WHERE l_shipdate < DATE '1900-01-01'

-- name: all_pruned_groups
-- input: lineitem
SELECT l_shipmode, count(*) AS n FROM input WHERE l_orderkey < 0 GROUP BY l_shipmode

-- name: all_pruned_map_only
-- input: lineitem
SELECT l_orderkey, l_comment FROM input WHERE l_shipdate > DATE '2050-01-01'

-- name: all_pruned_top_k
-- input: lineitem
-- flags: ordered
SELECT l_orderkey FROM input WHERE l_shipdate > DATE '2050-01-01' ORDER BY l_orderkey LIMIT 3

-- name: nothing_matches_but_nothing_is_pruned
-- input: events
SELECT count(*) AS n, sum(i) AS i, avg(f) AS f, max(s) AS s, bool_or(b) AS b FROM input WHERE s = 'no such word'

-- name: partly_pruned
-- input: orders
SELECT o_orderstatus, count(*) AS n, sum(o_totalprice) AS total FROM input
WHERE o_orderkey BETWEEN 100000 AND 130000 GROUP BY o_orderstatus

-- name: groups_sorted_by_what_their_aggregate_sorts_by
-- input: events
-- flags: ordered
SELECT k, string_agg(s, ',' ORDER BY k, id) AS words FROM input WHERE id % 100 = 0 GROUP BY k ORDER BY k NULLS LAST

-- name: text_groups_sorted_by_what_their_aggregate_sorts_by
-- input: events
-- flags: ordered
SELECT s, array_agg(id ORDER BY s, id) AS ids FROM input WHERE id % 50 = 0 GROUP BY s ORDER BY s NULLS LAST

-- name: window_over_top_k
-- input: events
-- flags: ordered
SELECT id, f, row_number() OVER (ORDER BY f DESC NULLS LAST, id) AS r, sum(u) OVER (ORDER BY id) AS running
FROM (SELECT id, f, u FROM input ORDER BY f DESC NULLS LAST, id LIMIT 50) t ORDER BY r

-- name: aggregate_over_top_k
-- input: lineitem
SELECT count(*) AS n, sum(l_quantity) AS q, count(DISTINCT l_shipmode) AS modes
FROM (SELECT * FROM input ORDER BY l_extendedprice DESC, l_orderkey, l_linenumber LIMIT 2000) t

-- name: aggregate_over_an_offset
-- input: lineitem
SELECT count(*) AS n, sum(l_quantity) AS q FROM (SELECT * FROM input WHERE l_tax = 0.02
  ORDER BY l_extendedprice, l_orderkey, l_linenumber OFFSET 5000) t

-- name: top_k_of_groups_then_aggregate
-- input: lineitem
SELECT count(*) AS n, sum(q) AS q FROM (SELECT l_suppkey, sum(l_quantity) AS q FROM input GROUP BY l_suppkey
  ORDER BY q DESC, l_suppkey LIMIT 100) t

-- name: offsets_in_a_side_table_and_over_groups
-- input: lineitem
-- tables: supplier
SELECT count(*) AS n, sum(q) AS q, min(s_name) AS s FROM (
  SELECT s_name, q FROM (SELECT l_suppkey, sum(l_quantity) AS q FROM input GROUP BY l_suppkey ORDER BY q, l_suppkey OFFSET 40) g
  JOIN (SELECT * FROM supplier ORDER BY s_suppkey OFFSET 10) s ON l_suppkey = s_suppkey) t

-- name: offset_without_limit
-- input: events
-- flags: ordered
SELECT id, s FROM input ORDER BY s NULLS FIRST, id OFFSET 59900

-- name: offset_beyond_the_rows
-- input: events
-- flags: ordered
SELECT id FROM input WHERE u = 7 ORDER BY id OFFSET 100000

-- name: sort_by_a_column_that_is_not_shown
-- input: lineitem
-- flags: ordered
SELECT l_comment FROM input WHERE l_shipmode = 'RAIL' ORDER BY l_extendedprice * (1 - l_discount) DESC, l_orderkey, l_linenumber LIMIT 30

-- name: windows_over_groups
-- input: lineitem
-- flags: ordered
SELECT y, l_shipmode, q, rank() OVER (PARTITION BY y ORDER BY q DESC, l_shipmode) AS place,
       sum(q) OVER (PARTITION BY l_shipmode ORDER BY y) AS running, lag(q) OVER (PARTITION BY l_shipmode ORDER BY y) AS before
FROM (SELECT extract(year FROM l_shipdate) AS y, l_shipmode, sum(l_quantity) AS q FROM input GROUP BY 1, 2) g
ORDER BY y, l_shipmode

-- name: windows_in_one_select
-- input: lineitem
SELECT l_shipmode, l_returnflag, count(*) AS n,
       row_number() OVER (ORDER BY count(*) DESC, l_shipmode, l_returnflag) AS r,
       sum(count(*)) OVER (PARTITION BY l_shipmode) AS mode_total
FROM input GROUP BY l_shipmode, l_returnflag

-- name: window_frames
-- input: orders
-- flags: ordered
WITH days AS (SELECT o_orderdate AS d, sum(o_totalprice) AS s FROM input WHERE o_orderdate < DATE '1993-01-01' GROUP BY 1)
SELECT d, s, avg(CAST(s AS DOUBLE)) OVER (ORDER BY d ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week,
       first_value(s) OVER (ORDER BY d) AS first, ntile(4) OVER (ORDER BY s, d) AS quarter FROM days ORDER BY d

-- name: top_of_each_group_by_window
-- input: lineitem
SELECT l_shipmode, l_suppkey, q FROM (
  SELECT l_shipmode, l_suppkey, q, row_number() OVER (PARTITION BY l_shipmode ORDER BY q DESC, l_suppkey) AS r
  FROM (SELECT l_shipmode, l_suppkey, sum(l_quantity) AS q FROM input GROUP BY l_shipmode, l_suppkey) a) b
WHERE r <= 3

-- name: aggregate_of_aggregate
-- input: lineitem
SELECT n, count(*) AS orders, min(q) AS least, max(q) AS most
FROM (SELECT l_orderkey, count(*) AS n, sum(l_quantity) AS q FROM input GROUP BY l_orderkey) o GROUP BY n

-- name: cte_over_groups
-- input: lineitem
-- flags: ordered
WITH by_supplier AS (SELECT l_suppkey, sum(l_extendedprice) AS s FROM input GROUP BY l_suppkey),
     classes AS (SELECT CASE WHEN s > 25000000 THEN 'large' ELSE 'small' END AS class, s FROM by_supplier)
SELECT class, count(*) AS n, sum(s) AS s FROM classes GROUP BY class ORDER BY class

-- name: cte_before_groups
-- input: lineitem
WITH late AS (SELECT *, CAST(l_receiptdate AS DATE) > CAST(l_commitdate AS DATE) AS late FROM input),
     rail AS (SELECT * FROM late WHERE l_shipmode = 'RAIL')
SELECT late, count(*) AS n FROM rail GROUP BY late

-- name: nested_subqueries
-- input: lineitem
SELECT m, sum(net) AS net FROM (
  SELECT l_shipmode AS m, net FROM (
    SELECT l_shipmode, l_extendedprice * (1 - l_discount) AS net, l_quantity FROM input WHERE l_quantity > 10) a
  WHERE l_quantity < 40) b
GROUP BY m

-- name: scalar_subquery_of_a_side_table
-- input: lineitem
-- tables: part
SELECT count(*) AS n FROM input WHERE l_quantity > (SELECT avg(CAST(p_size AS DOUBLE)) FROM part)

-- name: union_all_of_inputs
-- inputs: a=lineitem, b=orders
SELECT what, count(*) AS n, sum(v) AS v FROM (
  SELECT 'line' AS what, l_orderkey AS k, l_extendedprice AS v FROM a
  UNION ALL SELECT 'order' AS what, o_orderkey AS k, o_totalprice AS v FROM b WHERE o_orderstatus = 'F') u
GROUP BY what

-- name: union_all_of_inputs_by_key
-- inputs: a=lineitem, b=orders
-- flags: ordered
SELECT k, count(*) AS n, max(d) AS d FROM (
  SELECT l_orderkey AS k, l_shipdate AS d FROM a UNION ALL SELECT o_orderkey AS k, o_orderdate AS d FROM b) u
GROUP BY k ORDER BY n DESC, k LIMIT 200

-- name: union_all_map_only
-- inputs: a=lineitem, b=orders
SELECT l_orderkey AS k, l_shipdate AS d FROM a WHERE l_orderkey < 3000
UNION ALL SELECT o_orderkey, o_orderdate FROM b WHERE o_orderkey < 3000

-- name: union_all_sorted
-- inputs: a=lineitem, b=orders
-- flags: ordered
SELECT k, d FROM (SELECT l_orderkey AS k, l_shipdate AS d FROM a WHERE l_quantity > 48
  UNION ALL SELECT o_orderkey AS k, o_orderdate AS d FROM b WHERE o_totalprice > 300000) u ORDER BY d DESC, k

-- name: union_all_top_k
-- inputs: a=lineitem, b=orders
-- flags: ordered
SELECT k, v FROM (SELECT l_orderkey AS k, l_extendedprice AS v FROM a UNION ALL SELECT o_orderkey, o_totalprice FROM b) u
ORDER BY v DESC, k LIMIT 40

-- name: union_all_grouping_sets
-- inputs: a=lineitem, b=orders
SELECT what, y, count(*) AS n FROM (
  SELECT 'line' AS what, extract(year FROM l_shipdate) AS y FROM a
  UNION ALL SELECT 'order' AS what, extract(year FROM o_orderdate) AS y FROM b) u GROUP BY CUBE (what, y)

-- name: union_distinct_of_inputs
-- inputs: a=lineitem, b=orders
SELECT count(*) AS n, sum(k) AS k FROM (SELECT l_orderkey AS k FROM a WHERE l_tax = 0 UNION SELECT o_orderkey AS k FROM b WHERE o_orderstatus = 'F') u

-- name: same_input_twice_under_two_names
-- inputs: a=nation, b=nation
-- flags: ordered
SELECT n_name, count(*) AS n FROM (SELECT n_name FROM a UNION ALL SELECT n_name FROM b) u GROUP BY n_name ORDER BY n_name

-- name: join_inner
-- input: lineitem
-- tables: supplier, nation
SELECT n_name, count(*) AS n, sum(l_quantity) AS q FROM input JOIN supplier ON l_suppkey = s_suppkey
JOIN nation ON s_nationkey = n_nationkey GROUP BY n_name

-- name: join_using
-- input: events
-- tables: other=events_jsonl
SELECT count(*) AS n, sum(other.u) AS u, sum(input.u) AS v FROM input JOIN other USING (id)

-- name: join_left
-- input: events
-- tables: nation
SELECT n_name, count(*) AS n, count(n_nationkey) AS matched FROM input LEFT JOIN nation ON k = n_nationkey
  AND n_nationkey < 6 GROUP BY n_name

-- name: join_left_map_only
-- input: events
-- tables: nation
SELECT id, k, n_name FROM input LEFT JOIN nation ON k + 20 = n_nationkey WHERE id < 5000

-- name: join_right_turned
-- input: events
-- tables: nation
SELECT n_name, count(*) AS n FROM nation RIGHT JOIN input ON k = n_nationkey GROUP BY n_name

-- name: join_semi_in
-- input: orders
-- tables: customer
SELECT o_orderpriority, count(*) AS n FROM input
WHERE o_custkey IN (SELECT c_custkey FROM customer WHERE c_acctbal > 9000) GROUP BY o_orderpriority

-- name: join_semi_exists
-- input: lineitem
-- tables: part
SELECT count(*) AS n FROM input
WHERE EXISTS (SELECT 1 FROM part WHERE p_partkey = l_partkey AND p_size > l_quantity)

-- name: join_semi_explicit
-- input: orders
-- tables: customer
SELECT count(*) AS n, sum(o_totalprice) AS s FROM input LEFT SEMI JOIN customer
ON o_custkey = c_custkey AND c_mktsegment = 'MACHINERY'
-- duckdb
SELECT count(*) AS n, sum(o_totalprice) AS s FROM input SEMI JOIN customer
ON o_custkey = c_custkey AND c_mktsegment = 'MACHINERY'

-- name: join_anti_not_exists
-- input: orders
-- tables: customer
SELECT o_orderstatus, count(*) AS n FROM input
WHERE NOT EXISTS (SELECT 1 FROM customer WHERE c_custkey = o_custkey AND c_nationkey < 20) GROUP BY o_orderstatus

-- name: join_anti_null_keys
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input WHERE NOT EXISTS (SELECT 1 FROM nation WHERE n_nationkey = k AND n_regionkey = 1)
GROUP BY k

-- name: not_in_null_keys
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input WHERE k NOT IN (SELECT n_nationkey FROM nation WHERE n_regionkey = 1) GROUP BY k

-- name: not_in_a_set_with_null
-- input: events
-- tables: nation
SELECT count(*) AS n FROM input
WHERE k NOT IN (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation)

-- name: not_in_an_empty_set
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input WHERE k NOT IN (SELECT n_nationkey FROM nation WHERE n_regionkey > 100) GROUP BY k

-- name: not_in_twice_and_more
-- input: events
-- tables: nation
SELECT k, i, count(*) AS n FROM input
WHERE NOT k + 1 IN (SELECT n_nationkey FROM nation WHERE n_name LIKE '%A')
  AND s NOT IN (SELECT lower(n_name) FROM nation) AND b GROUP BY k, i

-- name: not_in_over_the_result
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input GROUP BY k HAVING k NOT IN (SELECT n_nationkey FROM nation WHERE n_regionkey = 1)

-- name: not_in_or_else
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE k NOT IN (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation) OR k = 2 GROUP BY k

-- name: not_in_by_columns_of_the_row
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE k NOT IN (SELECT CASE WHEN n_nationkey > 8 THEN NULL ELSE n_nationkey END FROM nation WHERE n_regionkey = i % 5)
GROUP BY k

-- name: not_in_below_or_by_columns_of_the_row
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE k NOT IN (SELECT CASE WHEN n_nationkey > 8 THEN NULL ELSE n_nationkey END FROM nation WHERE n_regionkey = i % 5)
   OR k = 2 GROUP BY k

-- name: in_that_is_unknown
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE (k IN (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation)) IS NULL GROUP BY k

-- name: exists_below_or
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE NOT (EXISTS (SELECT 1 FROM nation WHERE n_nationkey = k AND n_regionkey < 3) OR k IS NULL) GROUP BY k

-- name: any_equal
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE k = ANY (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation) GROUP BY k

-- name: any_less
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE k < ANY (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation) GROUP BY k

-- name: not_any_greater
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE NOT (k > ANY (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation)) GROUP BY k

-- name: all_unequal
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE k <> ALL (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation) GROUP BY k

-- name: all_greater
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE k > ALL (SELECT n_nationkey FROM nation WHERE n_nationkey < 4) GROUP BY k

-- name: all_greater_of_nulls
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE k > ALL (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation) OR k = 7 GROUP BY k

-- name: not_all_less
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE NOT (k < ALL (SELECT n_nationkey FROM nation WHERE n_nationkey < 4)) GROUP BY k

-- name: any_unknown
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE (k > ANY (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation)) IS NULL GROUP BY k

-- name: all_of_nothing
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE k > ALL (SELECT n_nationkey FROM nation WHERE n_nationkey < 0) GROUP BY k

-- name: min_max_of_infinities
-- input: events
SELECT k, min(x) < -1e308 AS lo_inf, min(x) > 1e308 AS lo_high, max(x) > 1e308 AS hi_inf, max(x) < -1e308 AS hi_low,
       count(x) AS n
FROM (SELECT k, CASE WHEN k = 1 THEN CAST('inf' AS DOUBLE) WHEN k = 2 THEN CAST('-inf' AS DOUBLE)
                     WHEN k = 3 AND id % 2 = 0 THEN CAST('inf' AS DOUBLE) WHEN k = 4 THEN NULL
                     ELSE CAST(id AS DOUBLE) END AS x FROM input) t
GROUP BY k

-- name: min_max_with_nan
-- input: events
SELECT k, max(x) > 1e308 AS hi_nan, min(x) < 1e308 AS lo_number FROM (
  SELECT k, CASE WHEN id % 7 = k THEN CAST('nan' AS DOUBLE) ELSE CAST(id AS DOUBLE) END AS x FROM input WHERE k < 9) t
GROUP BY k

-- name: rollup_of_nothing
-- input: events
SELECT k, count(*) AS n, sum(i) AS i FROM input WHERE id < -5 GROUP BY ROLLUP (k)

-- name: distinct_from_in_parentheses
-- input: events
SELECT count(*) AS n FROM input WHERE (b IS DISTINCT FROM true) OR k = 2

-- name: scalar_subquery_of_one_row
-- input: events
-- tables: nation
SELECT count(*) AS n FROM input WHERE k = (SELECT n_regionkey FROM nation ORDER BY n_nationkey DESC LIMIT 1)

-- name: lists_not_in_or_not_in
-- input: events
SELECT k, count(*) AS n FROM input WHERE k NOT IN (1) OR k NOT IN (2) GROUP BY k

-- name: lists_with_null
-- input: events
SELECT k, count(*) AS n FROM input WHERE k NOT IN (1, 3) OR k NOT IN (2, NULL) GROUP BY k

-- name: lists_not_both
-- input: events
SELECT k, count(*) AS n FROM input WHERE NOT (k IN (1) AND k IN (2)) GROUP BY k

-- name: lists_of_four
-- input: events
SELECT k, count(*) AS n FROM input WHERE k NOT IN (1, 2, 5, 6) OR k NOT IN (3, 4, 7, 8) GROUP BY k

-- name: lists_unknown
-- input: events
SELECT k, count(*) AS n FROM input WHERE (k IN (1, 2, 5, 6) AND k IN (3, 4, 7, 8)) IS NULL GROUP BY k

-- name: lists_common
-- input: events
SELECT k, count(*) AS n FROM input WHERE k IN (1, 2, 5, 6, NULL) AND k IN (3, 5, 6, 7) GROUP BY k

-- name: lists_but_not
-- input: events
SELECT k, count(*) AS n FROM input WHERE NOT (k IN (1, 2, 3, 4) AND k NOT IN (1, 2, 3, 4, 5)) GROUP BY k

-- name: list_null_or
-- input: events
SELECT k, count(*) AS n FROM input WHERE k IN (1, NULL) OR k IN (2, 9) GROUP BY k

-- name: list_null_not
-- input: events
SELECT k, count(*) AS n FROM input WHERE NOT (k IN (1, 2, 3, NULL)) GROUP BY k

-- name: in_as_a_value
-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input
WHERE CASE WHEN k IN (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation) THEN 1
           WHEN k IS NULL THEN 2 ELSE 3 END > 1 GROUP BY k

-- name: tpch_q16_shape
-- input: partsupp
-- tables: part, supplier
-- flags: ordered
SELECT p_brand, p_type, p_size, count(DISTINCT ps_suppkey) AS supplier_cnt
FROM input JOIN part ON p_partkey = ps_partkey
WHERE p_brand <> 'Brand#45' AND p_type NOT LIKE 'MEDIUM POLISHED%' AND p_size IN (49, 14, 23, 45, 19, 3, 36, 9)
  AND ps_suppkey NOT IN (SELECT s_suppkey FROM supplier WHERE s_comment LIKE '%Customer%Complaints%')
GROUP BY p_brand, p_type, p_size ORDER BY supplier_cnt DESC, p_brand, p_type, p_size

-- name: correlated_subquery_over_the_aggregated_input
-- input: lineitem
-- tables: nation
SELECT n_name, (SELECT count(*) FROM input WHERE l_suppkey = n_nationkey) AS n FROM nation

-- name: lateral_over_the_aggregated_input
-- input: lineitem
-- tables: nation
SELECT n_name, x.n FROM nation CROSS JOIN LATERAL (SELECT count(*) AS n FROM input WHERE l_suppkey = n_nationkey) x

-- name: side_tables_only
-- input: lineitem
-- tables: nation, region
SELECT r_name, count(*) AS n FROM nation JOIN region ON n_regionkey = r_regionkey GROUP BY r_name

-- name: join_inequality
-- input: events
-- tables: region
SELECT r_name, count(*) AS n FROM input JOIN region ON k < r_regionkey GROUP BY r_name

-- name: join_after_groups
-- input: lineitem
-- tables: supplier
-- flags: ordered
SELECT s_name, q FROM (SELECT l_suppkey, sum(l_quantity) AS q FROM input GROUP BY l_suppkey) g
JOIN supplier ON l_suppkey = s_suppkey ORDER BY q DESC, s_name LIMIT 15

-- name: join_side_tables_first
-- input: lineitem
-- tables: partsupp, part
SELECT p_brand, count(*) AS n, sum(ps_supplycost * l_quantity) AS cost FROM input
JOIN (SELECT ps_partkey, ps_suppkey, ps_supplycost, p_brand FROM partsupp JOIN part ON ps_partkey = p_partkey
      WHERE p_size < 10) x ON l_partkey = ps_partkey AND l_suppkey = ps_suppkey GROUP BY p_brand

-- name: join_grouped_side_table
-- input: orders
-- tables: customer
SELECT richest, count(*) AS n FROM input JOIN (
  SELECT c_nationkey, max(c_acctbal) AS richest, max(c_custkey) AS c FROM customer GROUP BY c_nationkey) x
ON o_custkey = c GROUP BY richest

-- name: joins_sf1
-- input: lineitem_sf1
-- tables: supplier_sf1, nation
-- flags: ordered
SELECT n_name, extract(year FROM l_shipdate) AS y, sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM input JOIN supplier_sf1 ON l_suppkey = s_suppkey JOIN nation ON s_nationkey = n_nationkey
WHERE l_shipdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31' GROUP BY 1, 2 ORDER BY 1, 2

-- name: dates
-- input: lineitem
SELECT CAST(date_trunc('month', l_shipdate) AS DATE) AS m, extract(dow FROM l_shipdate) AS dow,
       count(*) AS n, min(l_shipdate + INTERVAL '3' MONTH) < DATE '1995-01-01' AS early,
       max(CAST(l_receiptdate - l_shipdate AS BIGINT)) AS days
FROM input WHERE extract(quarter FROM l_shipdate) = 2 GROUP BY 1, 2
-- duckdb
SELECT CAST(date_trunc('month', l_shipdate) AS DATE) AS m, extract(dow FROM l_shipdate) AS dow,
       count(*) AS n, min(l_shipdate + INTERVAL '3' MONTH) < DATE '1995-01-01' AS early,
       max(l_receiptdate - l_shipdate) AS days
FROM input WHERE extract(quarter FROM l_shipdate) = 2 GROUP BY 1, 2

-- name: timestamps
-- input: events
SELECT date_trunc('year', t) AS y, extract(hour FROM t) AS h, count(*) AS n, min(t) AS t0,
       max(t + INTERVAL '1' DAY) AS t1 FROM input WHERE t >= TIMESTAMP '1965-01-01 00:00:00' GROUP BY 1, 2

-- name: timestamps_before_1970
-- input: events
SELECT id, t, CAST(t AS DATE) AS d, extract(minute FROM t) AS m, date_trunc('hour', t) AS h FROM input
WHERE t < TIMESTAMP '1939-01-01 00:00:00'

-- name: text_functions
-- input: lineitem
SELECT l_orderkey, l_linenumber, upper(l_comment) AS u, length(l_comment) AS n, substr(l_comment, 3, 7) AS sub,
       strpos(l_comment, 'the') AS at, replace(l_comment, ' ', '_') AS r, split_part(l_comment, ' ', 2) AS word,
       trim(l_shipinstruct) AS t, lpad(l_shipmode, 8, '*') AS l, l_shipmode || '/' || l_returnflag AS c,
       concat(l_returnflag, l_linestatus) AS cc, left(l_comment, 4) AS le, right(l_comment, 4) AS ri,
       reverse(l_shipmode) AS rev, repeat(l_returnflag, 3) AS rep
FROM input WHERE l_orderkey < 4000

-- name: text_functions_unicode
-- input: events
SELECT s, length(s) AS n, upper(s) AS u, lower(s) AS l, substr(s, 2, 3) AS sub, reverse(s) AS r, starts_with(s, 'n') AS st,
       count(*) AS c FROM input GROUP BY s

-- name: text_predicates
-- input: lineitem
SELECT l_shipmode, count(*) AS n FROM input WHERE l_comment LIKE '%special%' AND l_comment NOT LIKE 'a%'
  AND l_shipinstruct ILIKE '%person%' OR l_comment LIKE '_h_ %' GROUP BY l_shipmode

-- name: regex
-- input: lineitem
SELECT regexp_replace(l_comment, '[aeiou]+', '-', 'g') AS r, count(*) AS n FROM input
WHERE regexp_like(l_comment, '^(the|sly)[a-z]* [b-d]') GROUP BY 1
-- duckdb
SELECT regexp_replace(l_comment, '[aeiou]+', '-', 'g') AS r, count(*) AS n FROM input
WHERE regexp_matches(l_comment, '^(the|sly)[a-z]* [b-d]') GROUP BY 1

-- name: arithmetic
-- input: events
SELECT id, i + u AS a, i - j AS s, i * u AS m, f / 4 AS d, i % 97 AS r, abs(i) AS ab, round(f) AS ro, floor(f) AS fl,
       ceil(f) AS ce, sqrt(abs(f)) AS sq, power(u, 2) AS p, -f AS n, trunc(f) = f AS whole, signum(f) AS sg
FROM input WHERE id % 3 = 0 AND (f IS NULL OR f * 2 <> floor(f * 2) OR f = floor(f))
-- duckdb
SELECT id, i + u AS a, i - j AS s, i * u AS m, f / 4 AS d, i % 97 AS r, abs(i) AS ab, round(f) AS ro, floor(f) AS fl,
       ceil(f) AS ce, sqrt(abs(f)) AS sq, power(u, 2) AS p, -f AS n, trunc(f) = f AS whole, CAST(sign(f) AS DOUBLE) AS sg
FROM input WHERE id % 3 = 0 AND (f IS NULL OR f * 2 <> floor(f * 2) OR f = floor(f))

-- name: decimals
-- input: lineitem
SELECT l_tax, sum(l_extendedprice * l_discount) AS sd, sum(l_quantity * l_quantity) AS qq,
       sum(CAST(l_extendedprice AS DECIMAL(12, 1))) AS coarse, max(l_extendedprice + l_tax) AS m,
       min(-l_extendedprice) AS minus, count(DISTINCT l_discount) AS discounts FROM input GROUP BY l_tax

-- name: casts
-- input: events
SELECT id, CAST(i AS VARCHAR) AS si, CAST(u AS DOUBLE) AS du, CAST(b AS INTEGER) AS ib, CAST(d AS TIMESTAMP) AS td,
       CAST(CAST(u AS VARCHAR) AS BIGINT) AS bu, TRY_CAST(s AS INTEGER) AS none FROM input WHERE id < 6000

-- name: null_logic
-- input: events
SELECT b AND i > 0 AS x, b OR i > 0 AS y, NOT b AS z, b IS DISTINCT FROM (i > 0) AS dis, i IS NULL AS n,
       k IN (1, 2, NULL) AS lst, k BETWEEN 2 AND 4 AS btw, count(*) AS c FROM input GROUP BY 1, 2, 3, 4, 5, 6, 7

-- name: in_list
-- input: lineitem
SELECT l_shipmode, count(*) AS n FROM input WHERE l_shipmode IN ('AIR', 'RAIL', 'none')
  AND l_suppkey NOT IN (1, 2, 3) AND l_linenumber IN (1, 7) GROUP BY l_shipmode

-- name: sum_of_case
-- input: lineitem
SELECT sum(CASE WHEN l_returnflag = 'A' THEN l_quantity END) AS a, sum(CASE WHEN l_returnflag = 'X' THEN 1 END) AS x,
       sum(CASE WHEN l_tax > 0.03 THEN 1 ELSE 0 END) AS t FROM input

-- name: constant_columns
-- input: events
SELECT 'all' AS what, 7 AS seven, count(*) AS n FROM input

-- name: expression_over_aggregates
-- input: lineitem
SELECT l_shipmode, CAST(sum(l_extendedprice) AS DOUBLE) / count(*) + 1 AS a, max(l_shipdate) > min(l_receiptdate) AS b,
       round(CAST(sum(l_tax) AS DOUBLE), 1) AS r FROM input GROUP BY l_shipmode

-- name: many_aggregates_sf1
-- input: orders_sf1
SELECT o_orderpriority, o_orderstatus, count(*) AS n, count(DISTINCT o_custkey) AS c, sum(o_totalprice) AS s,
       stddev(CAST(o_totalprice AS DOUBLE)) AS sd, min(o_orderdate) AS d0, max(o_clerk) AS clerk
FROM input GROUP BY o_orderpriority, o_orderstatus

-- name: csv_group
-- input: lineitem_csv
SELECT l_returnflag, l_linestatus, count(*) AS n, sum(l_quantity) AS q, avg(l_extendedprice) AS p,
       min(l_comment) AS c0, max(l_orderkey) AS k FROM input GROUP BY l_returnflag, l_linestatus

-- name: csv_map_only
-- input: lineitem_csv
SELECT l_orderkey, l_linenumber, l_extendedprice, l_shipinstruct, l_comment FROM input WHERE l_partkey % 50 = 3

-- name: csv_sorted
-- input: lineitem_csv
-- flags: ordered
SELECT l_comment, l_orderkey, l_linenumber FROM input WHERE l_shipmode = 'FOB' AND l_quantity > 40
ORDER BY l_comment, l_orderkey, l_linenumber

-- name: jsonl_group
-- input: lineitem_jsonl
SELECT l_shipmode, count(*) AS n, sum(l_quantity) AS q, avg(l_extendedprice) AS p, min(l_comment) AS c0,
       max(l_orderkey) AS k FROM input GROUP BY l_shipmode

-- name: jsonl_map_only
-- input: lineitem_jsonl
SELECT l_orderkey, l_linenumber, l_extendedprice, l_comment FROM input WHERE l_partkey % 20 = 3

-- name: jsonl_with_nulls
-- input: events_jsonl
SELECT k, s, count(*) AS n, sum(i) AS i, avg(f) AS f, count(b) AS b FROM input GROUP BY k, s

-- name: flights_delays_by_carrier
-- input: repo_flights
-- tables: airlines=repo_airlines
-- flags: ordered
SELECT a.name AS airline, count(*) AS flights, count(*) FILTER (WHERE f.dep_time IS NULL) AS cancelled,
       avg(f.arr_delay) AS mean_delay,
       100.0 * count(*) FILTER (WHERE f.arr_delay > 15) / count(f.arr_delay) AS late_percent
FROM input f JOIN airlines a ON f.carrier = a.carrier GROUP BY a.name ORDER BY mean_delay DESC, airline

-- name: flights_by_folder_column
-- input: repo_flights
-- flags: ordered
SELECT month, count(*) AS n, count(DISTINCT tailnum) AS planes, avg(dep_delay) AS d FROM input
WHERE month IN (2, 7, 11) GROUP BY month ORDER BY month

-- name: flights_folder_column_pruned_to_nothing
-- input: repo_flights
SELECT month, count(*) AS n FROM input WHERE month > 12 GROUP BY month

-- name: flights_longest_delays
-- input: repo_flights
-- tables: airlines=repo_airlines
-- flags: ordered
SELECT f.month, f.day, a.name AS airline, f.flight, f.origin, f.dest, f.dep_delay AS delay
FROM input f JOIN airlines a ON f.carrier = a.carrier WHERE f.dep_delay IS NOT NULL
ORDER BY f.dep_delay DESC, f.month, f.day, f.flight LIMIT 20

-- name: flights_makers
-- input: repo_flights
-- tables: planes=repo_planes
-- flags: ordered
SELECT coalesce(p.manufacturer, '(unknown)') AS maker, count(*) AS flights, count(DISTINCT f.tailnum) AS planes,
       sum(f.distance) AS miles, avg(f.year - p.year) AS mean_age
FROM input f LEFT JOIN planes p ON f.tailnum = p.tailnum WHERE f.air_time IS NOT NULL
GROUP BY 1 HAVING count(*) >= 1000 ORDER BY miles DESC, maker

-- name: flights_in_bad_weather
-- input: repo_flights
-- tables: weather=repo_weather_stated
SELECT CASE WHEN w.visib IS NULL THEN 'not observed' WHEN w.visib < 1 THEN 'below 1 mile' ELSE 'above' END AS visibility,
       coalesce(w.precip > 0, false) AS rain, count(*) AS flights, avg(f.dep_delay) AS mean_delay,
       median(CAST(f.dep_delay AS DOUBLE)) AS median_delay
FROM input f LEFT JOIN weather w ON f.origin = w.origin AND f.time_hour = w.time_hour GROUP BY 1, 2

-- name: flights_cleaned
-- input: repo_flights
SELECT make_date(year, month, day) AS date, CAST(time_hour AS TIMESTAMP) AS due, carrier, flight, tailnum,
       distance * 60.0 / air_time AS speed FROM input
WHERE air_time IS NOT NULL AND arr_delay IS NOT NULL AND month = 6 AND origin = 'LGA'

-- name: flights_time_of_day_profile
-- input: repo_flights
-- flags: ordered
SELECT origin, hour, avg(dep_delay) AS mean, stddev(dep_delay) AS sd, max(dep_delay) AS worst,
       corr(CAST(dep_delay AS DOUBLE), CAST(arr_delay AS DOUBLE)) AS c FROM input
GROUP BY origin, hour ORDER BY origin, hour

-- name: flights_rollup_of_the_year
-- input: repo_flights
SELECT origin, month, count(*) AS n, count(*) FILTER (WHERE dep_time IS NULL) AS cancelled FROM input
GROUP BY ROLLUP (origin, month)

-- name: flights_busiest_day_of_each_airport
-- input: repo_flights
SELECT origin, month, day, n FROM (
  SELECT origin, month, day, count(*) AS n,
         row_number() OVER (PARTITION BY origin ORDER BY count(*) DESC, month, day) AS r
  FROM input GROUP BY origin, month, day) x WHERE r <= 2

-- name: flights_to_airports_without_a_name
-- input: repo_flights
-- tables: airports=repo_airports
SELECT dest, count(*) AS n FROM input f WHERE NOT EXISTS (SELECT 1 FROM airports a WHERE a.iata = f.dest) GROUP BY dest

-- name: us_flights_routes
-- input: repo_us
-- tables: airports=repo_airports
-- flags: ordered
SELECT a.city AS origin, b.city AS destination, f.origin || '-' || f.destination AS route, count(*) AS flights,
       max(f.distance) AS miles, avg(f.delay) AS mean_delay
FROM input f JOIN airports a ON f.origin = a.iata JOIN airports b ON f.destination = b.iata
GROUP BY a.city, b.city, f.origin, f.destination ORDER BY flights DESC, route LIMIT 20

-- name: us_flights_per_day
-- input: repo_us
-- flags: ordered
SELECT CAST(date AS DATE) AS day, count(*) AS n, min(date) AS first, max(date) AS last, sum(distance) AS miles
FROM input GROUP BY 1 ORDER BY 1

-- name: weather_inferred
-- input: repo_weather
SELECT origin, month, count(*) AS n, avg(temp) AS temp, max(wind_gust) AS gust, sum(precip) AS rain,
       count(wind_gust) AS gusts, min(CAST(time_hour AS TIMESTAMP)) AS t0 FROM input GROUP BY origin, month

-- name: weather_stated
-- input: repo_weather_stated
-- flags: ordered
SELECT origin, temp, CAST(time_hour AS TIMESTAMP) AS t FROM input WHERE temp > 95
ORDER BY temp DESC, origin, time_hour

-- name: verses_words
-- input: repo_verses
-- flags: ordered
SELECT word, count(*) AS times, count(DISTINCT book) AS books FROM (
  SELECT book, unnest(string_to_array(regexp_replace(lower(text), '[^a-z]+', ' ', 'g'), ' ')) AS word FROM input) x
WHERE word <> '' GROUP BY word ORDER BY times DESC, word LIMIT 2000

-- name: verses_by_book
-- input: repo_verses
SELECT book, count(*) AS verses, sum(length(text)) AS letters, first_value(text ORDER BY chapter, verse) AS begins
FROM input GROUP BY book
-- duckdb
SELECT book, count(*) AS verses, sum(length(text)) AS letters, first(text ORDER BY chapter, verse) AS begins
FROM input GROUP BY book

-- name: psalms_with_line_breaks
-- input: repo_psalms
-- flags: ordered
SELECT psalm, verses, length(text) AS letters, split_part(text, chr(10), 1) AS first_verse, text FROM input
ORDER BY psalm
