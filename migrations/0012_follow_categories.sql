-- Why: a category's name is on its incidents' map points; a renamed one must reach every map.
CALL follow_changes('category', 'category', 'id');
