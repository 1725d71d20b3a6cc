-- input: lineitem
SELECT count(*) AS n FROM input a CROSS JOIN LATERAL (SELECT max(l_quantity) AS q FROM input b WHERE b.l_orderkey = a.l_orderkey) x WHERE x.q > 10
