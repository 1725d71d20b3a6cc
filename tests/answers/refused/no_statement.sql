-- input: lineitem
-- flags:
;
