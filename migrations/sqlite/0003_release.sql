-- Until when what was released for an endpoint goes out: what is released next
-- follows it, so that no two releases together are faster than one.
ALTER TABLE endpoints ADD COLUMN released_until INTEGER;
