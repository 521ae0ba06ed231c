"""`make demo`: the main job in front of the user's eyes, on real parts and through Airflow."""
