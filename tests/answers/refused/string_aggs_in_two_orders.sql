-- input: lineitem
SELECT string_agg(l_shipmode, ',' ORDER BY l_orderkey) AS a, string_agg(l_shipmode, ',' ORDER BY l_comment DESC) AS b FROM input WHERE l_orderkey < 100
