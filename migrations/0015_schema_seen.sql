-- Why: who follows the change log reads every layer anew when a migration has changed their properties.
GRANT SELECT ON _sqlx_migrations TO yitu_system;
