-- input: orders
-- tables: customer
SELECT count(*) AS n FROM (SELECT o_custkey AS k FROM input UNION ALL SELECT c_custkey AS k FROM customer) u
