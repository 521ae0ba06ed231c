-- name: set_data_path!
-- Write where the lake's files lie; DuckLake keeps their names relative to it.
update lake.ducklake_metadata set value = :data_path::text where key = 'data_path';
