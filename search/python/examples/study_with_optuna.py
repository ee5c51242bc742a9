# %% Optuna tunes one of our policies; held-out seeds judge what it found.
import optuna

import switchyard as sy

optuna.logging.set_verbosity(optuna.logging.WARNING)
scenario = sy.scenario("chat-pressure", duration=120)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(sy.optuna.objective(scenario, "memory_headroom", seeds=[1, 2]), n_trials=10)
best = study.best_trial.user_attrs["spec"]
print("best in training:", best, study.best_value)

# %%
print(sy.compare(best, "hra", scenario, held_out_seeds="101-104")["pairs"])
