-- input: lineitem
SELECT a.n, b.m FROM (SELECT l_shipmode, count(*) AS n FROM input GROUP BY l_shipmode) a
JOIN (SELECT l_shipmode, sum(l_quantity) AS m FROM input WHERE l_tax > 0 GROUP BY l_shipmode) b ON a.l_shipmode = b.l_shipmode
